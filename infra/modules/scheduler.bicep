metadata description = 'The Durable Task Scheduler, for whoever chooses it over Azure Storage.'

@description('Required. Region of the scheduler.')
param location string

@description('Required. Ending that makes names unique.')
param suffix string

@description('Required. Principals that run orchestrations.')
param principalIds string[]

@description('Required. Tags.')
param tags object

var dataContributor = '0ad04412-c4d5-4796-b79c-f76d14c8d402'

resource scheduler 'Microsoft.DurableTask/schedulers@2025-11-01' = {
  name: 'dts-leeward-${suffix}'
  location: location
  tags: tags
  properties: {
    sku: { name: 'Consumption' }
    ipAllowlist: ['0.0.0.0/0'] // an empty list denies everybody; who may come in is the role's matter
  }

  resource hub 'taskHubs' = {
    name: 'Leeward' // the hubName of host.json
  }
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in principalIds: {
    name: guid(scheduler.id, principal, dataContributor)
    scope: scheduler
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', dataContributor)
      principalId: principal
      principalType: 'ServicePrincipal'
    }
  }
]

@description('Endpoint of the scheduler, as the app\'s connection writes it.')
output connection string = scheduler.properties.endpoint

metadata description = 'A resource group of Leeward\'s in another subscription, for what can only be listened to from there.'

targetScope = 'subscription'

@description('Required. Region of the group: Leeward\'s own.')
param location string

@description('Required. Name of the group.')
param name string

@description('Required. Tags.')
param tags object

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: name
  location: location
  tags: tags
}

metadata description = 'The app itself: Python 3.11 on Flex Consumption or Premium, three identities, no secret in its settings.'

@description('Required. Region of the app.')
param location string

@description('Required. Ending that makes names unique.')
param suffix string

@description('Required. Flex or Premium.')
@allowed(['Flex', 'Premium'])
param hosting string

@description('Required. active or standby.')
@allowed(['active', 'standby'])
param stance string

@description('Required. Account of the host, the task hub and the deployments.')
param storageAccountName string

@description('Required. Container that deployments are put into.')
param deploymentContainerUrl string

@description('Required. What telemetry is sent with.')
param insightsConnectionString string

@description('Required. The three identities: id, clientId and principalId of observe, drill and failover.')
param identities object

@description('Required. Client id of the app registration that callers get tokens for.')
param apiClientId string

@description('Required. Tenant whose tokens are accepted.')
param tenantId string

@description('Required. Container that holds the plans.')
param planStore string

@description('Required. Container that takes the evidence.')
param evidenceStore string

@description('Required. Container for the lock and the claims that two apps share.')
param sharedStore string

@description('Required. Topic that Leeward tells of its runs on.')
param eventTopicEndpoint string

@description('Required. Endpoint of the Durable Task Scheduler. Empty: Azure Storage keeps the orchestrations.')
param schedulerConnection string

@description('Required. Key Vault of the chat channels\' secrets. Empty: chat is off.')
param keyVaultUri string

@description('Optional. Subnet that the app sends from. Empty: none.')
param subnetId string = ''

@description('Optional. Forward proxy that the probes of gates go through.')
param probeProxy string = ''

@description('Optional. Where else probes are sent from: name=forward proxy there, by commas.')
param vantagePoints string = ''

@description('Optional. Resolvers that are asked where users are sent.')
param dnsResolvers string = '1.1.1.1,8.8.8.8,9.9.9.9'

@description('Optional. How many requests one caller may send in a minute.')
param requestsPerMinute int = 600

@description('Optional. A reason why nothing may move by itself; people\'s runs go on. Empty: the switch is off.')
param killSwitch string = ''

@description('Optional. The most that any plan\'s reach may name: hosts, *.suffixes, networks, by commas. Empty: plans say alone.')
param reach string = ''

@description('Optional. Secrets that actions may send: name and the one host of each; the value is action-NAME in the vault.')
param actionSecrets array = []

@description('Optional. Chats whose secrets are in the vault: slack, teams.')
param chats string = ''

@description('Optional. File, or URL of a blob, that says whom chat accounts belong to. Empty: nobody.')
param chatPeople string = ''

@description('Required. Tags.')
param tags object

var name = 'func-leeward-${suffix}'
var isFlex = hosting == 'Flex'
var login = environment().authentication.loginEndpoint
var arm = environment().resourceManager

var hostSettings = {
  AzureWebJobsStorage__accountName: storageAccountName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identities.observe.clientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD;ClientId=${identities.observe.clientId}'
  AZURE_FUNCTIONS_DURABLE_STRICT_TYPING: 'true'
}
var armUrl = endsWith(arm, '/') ? substring(arm, 0, length(arm) - 1) : arm
var leewardSettings = {
  ARM_ENDPOINT: armUrl
  ARM_AUDIENCE: armUrl
  ENTRA_AUTHORITY: endsWith(login, '/') ? substring(login, 0, length(login) - 1) : login
  ENTRA_TENANT_ID: tenantId
  ENTRA_CLIENT_ID: apiClientId
  REQUESTS_PER_MINUTE: string(requestsPerMinute)
  DNS_RESOLVERS: dnsResolvers
  PROBE_PROXY: probeProxy
  VANTAGE_POINTS: vantagePoints
  LEDGER: sharedStore
  STANCE: stance
  KILL_SWITCH: killSwitch
  REACH: reach
  ACTION_SECRETS: join(map(empty(keyVaultUri) ? [] : actionSecrets, one => '${one.name}=${one.host}'), ',')
  CHAT_PEOPLE: chatPeople
  PUBLIC_URL: 'https://${name}.azurewebsites.net'
  OBSERVE_CLIENT_ID: identities.observe.clientId
  DRILL_CLIENT_ID: identities.drill.clientId
  FAILOVER_CLIENT_ID: identities.failover.clientId
  PLAN_STORE: planStore
  EVIDENCE_STORE: evidenceStore
  EVENT_TOPIC_ENDPOINT: eventTopicEndpoint
}
// References, not values: the secrets stay in the vault, and a setting that was not resolved stops the start.
var hasSecrets = !empty(keyVaultUri)
var hasSlack = hasSecrets && contains(chats, 'slack')
var hasTeams = hasSecrets && contains(chats, 'teams')
var secretSettings = {
  SLACK_SIGNING_SECRET: hasSlack ? '@Microsoft.KeyVault(SecretUri=${keyVaultUri}secrets/slack-signing-secret)' : ''
  SLACK_WEBHOOK_URL: hasSlack ? '@Microsoft.KeyVault(SecretUri=${keyVaultUri}secrets/slack-webhook-url)' : ''
  TEAMS_SIGNING_SECRET: hasTeams ? '@Microsoft.KeyVault(SecretUri=${keyVaultUri}secrets/teams-signing-secret)' : ''
  TEAMS_WEBHOOK_URL: hasTeams ? '@Microsoft.KeyVault(SecretUri=${keyVaultUri}secrets/teams-webhook-url)' : ''
}
var actionSettings = toObject(
  hasSecrets ? actionSecrets : [],
  one => 'ACTION_SECRET_${toUpper(replace(one.name, '-', '_'))}',
  one => '@Microsoft.KeyVault(SecretUri=${keyVaultUri}secrets/action-${one.name})'
)
var premiumSettings = isFlex ? {} : {
  FUNCTIONS_EXTENSION_VERSION: '~4'
  FUNCTIONS_WORKER_RUNTIME: 'python'
  SCM_DO_BUILD_DURING_DEPLOYMENT: 'true' // the package names its requirements and brings none
  ENABLE_ORYX_BUILD: 'true'
}
// host.json says Azure Storage; these two words of it are spoken over by settings, so one package fits both.
var schedulerSettings = empty(schedulerConnection) ? {} : {
  AzureFunctionsJobHost__extensions__durableTask__storageProvider__type: 'azureManaged'
  AzureFunctionsJobHost__extensions__durableTask__storageProvider__connectionStringName: 'DURABLE_TASK_SCHEDULER'
  DURABLE_TASK_SCHEDULER: 'Endpoint=${schedulerConnection};Authentication=ManagedIdentity;ClientID=${identities.observe.clientId}'
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-leeward-${suffix}'
  location: location
  tags: tags
  kind: isFlex ? 'functionapp' : 'elastic'
  sku: isFlex ? { name: 'FC1', tier: 'FlexConsumption' } : { name: 'EP1', tier: 'ElasticPremium' }
  properties: isFlex ? { reserved: true } : { reserved: true, maximumElasticWorkerCount: 3 }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'leeward', 'leeward-stance': stance })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identities.observe.id}': {}
      '${identities.drill.id}': {}
      '${identities.failover.id}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    keyVaultReferenceIdentity: identities.observe.id
    functionAppConfig: isFlex ? {
      runtime: { name: 'python', version: '3.11' }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: deploymentContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identities.observe.id
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: 40
        alwaysReady: [
          { name: 'http', instanceCount: 1 }
          { name: 'durable', instanceCount: 1 }
        ]
      }
    } : null
    siteConfig: {
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      linuxFxVersion: isFlex ? null : 'Python|3.11'
      minimumElasticInstanceCount: isFlex ? null : 1
    }
  }

  resource settings 'config' = {
    name: 'appsettings'
    properties: union(hostSettings, leewardSettings, secretSettings, actionSettings, premiumSettings, schedulerSettings)
  }

  // A second lock before everything that Leeward does not guard itself, the durable management endpoints above all:
  // they would take a key alone. What is excluded here verifies the token, or Event Grid's key, in its own code.
  resource authentication 'config' = {
    name: 'authsettingsV2'
    properties: {
      platform: { enabled: true }
      globalValidation: {
        requireAuthentication: true
        unauthenticatedClientAction: 'Return401'
        excludedPaths: ['/api/*', '/runtime/webhooks/EventGrid', '/runtime/webhooks/eventgrid']
      }
      identityProviders: {
        azureActiveDirectory: {
          enabled: true
          registration: {
            clientId: apiClientId
            openIdIssuer: '${login}${tenantId}/v2.0'
          }
          validation: { allowedAudiences: [apiClientId, 'api://${apiClientId}'] }
        }
      }
      login: { tokenStore: { enabled: true } } // the approval page asks it who is signed in
    }
  }

  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }
}

@description('Resource id of the app.')
output id string = app.id

@description('Name of the app.')
output name string = app.name

@description('Host name of the app.')
output hostName string = app.properties.defaultHostName
